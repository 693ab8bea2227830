port = Integer(ENV.fetch("PORT", "8080"))
port = 0 if ENV.fetch("VERSION").start_with?("other-port")
bind "tcp://#{ENV.fetch("HOST", "0.0.0.0")}:#{port}"
threads 1, 16
persistent_timeout 75
