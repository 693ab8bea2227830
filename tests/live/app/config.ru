# A service whose version says how it behaves; the releases that the live tests make.
version = ENV.fetch("VERSION")
$stdout.sync = true

if version.start_with?("exits")
  warn "cannot connect to the database"
  exit 3
end

# burns-UNITS-MIB: uses so many CPU units, of 1024 a vCPU, and holds so much memory.
if version.start_with?("burns")
  units, mib = version.scan(/\d+/).first(2).map(&:to_i)
  HELD = "x" * (mib * 1024 * 1024)
  Thread.new do
    slice = 0.05
    loop do
      began, used = Process.clock_gettime(Process::CLOCK_MONOTONIC), Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
      until Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - used >= slice * units / 1024.0; end
      left = slice - (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began)
      sleep(left) if left.positive?
    end
  end
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
