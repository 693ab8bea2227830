// Before anything is drawn: the theme that was chosen, if one was.
try {
  const theme = localStorage.getItem("ninelives-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage is forbidden: the system's theme it is */ }
