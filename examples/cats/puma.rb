# frozen_string_literal: true

# Puma's settings, read from the working directory.

bind "tcp://#{ENV.fetch('HOST', '0.0.0.0')}:#{ENV.fetch('PORT', '4567')}"
environment ENV.fetch("APP_ENV", "production")
threads 4, Integer(ENV.fetch("MAX_THREADS", "32"))

# Longer than the load balancer's idle timeout (60 s): whoever closes first must be the load balancer, or it sends a
# request into a closing connection now and then and answers 502.
persistent_timeout 75

# SIGTERM: accept no more, answer what is queued and in flight, end with 0; all within ECS's stop timeout of 30 s.
drain_on_shutdown true
force_shutdown_after 25
raise_exception_on_sigterm false
