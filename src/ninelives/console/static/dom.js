// Elements as values, and a page that changes only where they differ: focus, scroll and transitions stay.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "line", "rect", "circle", "text"]);

/** h("button.quiet", {onclick}, "Text"): an element with classes, properties and children; false and null are left out. */
export function h(what, given, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node[name] = value;
    else if (name === "style") for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
    else if (name === "class") node.setAttribute("class", [...classes, value].join(" "));
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

function add(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Text in which `…` is code, as the tool's own sentences have it. */
export function sentence(text) {
  return String(text ?? "").split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}

/** Makes the children of `node` what `wanted` are. Elements with the same `data-key` stay the same element. */
export function morph(node, wanted) {
  morphChildren(node, [wanted].flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false)
    .map((one) => (one instanceof Node ? one : document.createTextNode(String(one)))));
}

function key(node) {
  return node.nodeType === 1 ? node.getAttribute("data-key") : null;
}

function morphChildren(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (key(child) !== null) keyed.set(key(child), child);
  let at = parent.firstChild;
  for (const next of wanted) {
    const name = key(next);
    let old = name !== null ? keyed.get(name) : at;
    if (name === null) while (old && key(old) !== null && key(old) !== undefined && keyed.has(key(old))) old = old.nextSibling;
    if (old && old.nodeType === next.nodeType && old.nodeName === next.nodeName) {
      keyed.delete(name);
      if (old !== at) parent.insertBefore(old, at);
      else at = at.nextSibling;
      morphOne(old, next);
    } else parent.insertBefore(next, at);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

const HANDLERS = ["onclick", "oninput", "onkeydown", "onscroll", "onmousemove", "onmouseleave", "onchange", "onsubmit"];

function morphOne(old, next) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old.hasAttribute("data-own")) return; // draws itself
  for (const { name, value } of [...next.attributes]) {
    if (old.getAttribute(name) === value) continue;
    if (name === "style") old.style.cssText = next.style.cssText; // as an attribute the page's policy forbids it
    else old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const name of HANDLERS) if (old[name] !== next[name]) old[name] = next[name];
  morphChildren(old, [...next.childNodes]);
}
