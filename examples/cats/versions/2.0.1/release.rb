# frozen_string_literal: true

require "json"

# 2.0.1 answers JSON, and takes its time to start: 1 to 6 seconds, or BOOT_SECONDS.
module Release
  VERSION = "2.0.1"
  CONTENT_TYPE = "application/json"

  def self.write(facts)
    "#{JSON.generate(facts)}\n"
  end

  def self.boot
    seconds = Float(ENV.fetch("BOOT_SECONDS") { rand(1.0..6.0) })
    warn format("cats %s: starting takes %.1f s", VERSION, seconds)
    sleep seconds
  end
end
