# frozen_string_literal: true

# Until it serves, Puma takes a SIGTERM and forgets it; whoever is stopped while starting ends at once.
serving = trap("TERM") { exit!(143) }

require_relative "cats"

Release.boot # before the port is bound: whoever asks too early is refused, as with any slow starter
trap("TERM", serving)
run Cats
