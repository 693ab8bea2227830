# frozen_string_literal: true

require_relative "cats"

Release.boot # before the port is bound: whoever asks too early is refused, as with any slow starter
run Cats
