# A service whose version says how it behaves; the releases that the live tests make.
version = ENV.fetch("VERSION")
$stdout.sync = true

if version.start_with?("exits")
  warn "cannot connect to the database"
  exit 3
end

sleep 2 if version.start_with?("slow-boot")

headers = { "content-type" => "text/plain", "x-app-version" => version }
run lambda { |env|
  case env["PATH_INFO"]
  when "/health"
    version.start_with?("health-500") ? [500, headers, ["broken\n"]] : [200, headers, ["ok\n"]]
  when "/status"
    [env["QUERY_STRING"][/code=(\d+)/, 1].to_i, headers, ["as asked for\n"]]
  when "/slow"
    sleep env["QUERY_STRING"][/seconds=([\d.]+)/, 1].to_f.clamp(0, 10)
    [200, headers, ["#{version}\n"]]
  when "/burn"
    thread = Process::CLOCK_THREAD_CPUTIME_ID
    until_spent = Process.clock_gettime(thread) + env["QUERY_STRING"][/seconds=([\d.]+)/, 1].to_f.clamp(0, 10)
    nil while Process.clock_gettime(thread) < until_spent
    [200, headers, ["#{version}\n"]]
  else
    puts "GET #{env["PATH_INFO"]} #{env["QUERY_STRING"]}" if env["QUERY_STRING"].include?("log")
    [200, headers, ["#{version}\n"]]
  end
}
