# frozen_string_literal: true

require "json"
require "net/http"
require "uri"

# Addresses of cat pictures: from an API where there is one, else from a list of its own.
class Pictures
  OWN = %w[
    https://upload.wikimedia.org/wikipedia/commons/3/3a/Cat03.jpg
    https://upload.wikimedia.org/wikipedia/commons/b/bb/Kittyply_edit1.jpg
    https://upload.wikimedia.org/wikipedia/commons/4/4d/Cat_November_2010-1a.jpg
  ].freeze
  TIMEOUT_SECONDS = 1
  REST_SECONDS = 10 # an API that failed is left alone for so long: cats must not become slow because it is

  def self.from_environment
    url = ENV.fetch("CATS_API_URL", "")
    new(api: url.empty? ? nil : URI(url), key: ENV.fetch("CATS_API_KEY", nil))
  end

  def initialize(api: nil, key: nil)
    @api = api
    @key = key
    @resting_until = 0
  end

  # The address of a picture and where it is from: { cat:, source: "api" or "list" }.
  def pick
    address = @api && now >= @resting_until ? ask : nil
    address ? { cat: address, source: "api" } : { cat: OWN.sample, source: "list" }
  end

  private

  # The API's picture, or nil. Understood: {"url": …} alone or first in a list, as TheCatAPI answers.
  def ask
    found = JSON.parse(body)
    found = found.first if found.is_a?(Array)
    url = found.is_a?(Hash) ? found["url"] : nil
    raise "no url in the answer" unless url.is_a?(String)

    url
  rescue StandardError => e
    @resting_until = now + REST_SECONDS
    warn "cats: the picture API failed (#{e.class}: #{e.message}); own pictures for #{REST_SECONDS} seconds"
    nil
  end

  def body
    options = { use_ssl: @api.scheme == "https", open_timeout: TIMEOUT_SECONDS, read_timeout: TIMEOUT_SECONDS, max_retries: 0 }
    Net::HTTP.start(@api.host, @api.port, **options) do |http|
      answer = http.get(@api.request_uri, @key ? { "x-api-key" => @key } : {})
      raise "HTTP status #{answer.code}" unless answer.is_a?(Net::HTTPSuccess)

      answer.body
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
