# frozen_string_literal: true

# The Cats service: the address of a cat picture, and what a load balancer and a release want to know.
# What differs from version to version stands in release.rb.

require "sinatra/base"
require_relative "pictures"
require_relative "release"

class Cats < Sinatra::Base
  LONGEST_SECONDS = 30.0

  set :environment, ENV.fetch("APP_ENV", "production").to_sym
  set :pictures, Pictures.from_environment
  set :host_authorization, { permitted_hosts: [] } # the load balancer decides which hosts there are (Sinatra 4.1 and later)
  disable :protection # no cookies and no forms: there is nothing to protect, and health checks bear odd headers
  disable :static, :sessions, :logging, :dump_errors, :show_exceptions

  before { headers "X-App-Version" => Release::VERSION }

  get("/") { answer(**settings.pictures.pick) }
  get("/health") { answer(status: "ok") }
  get("/version") { answer }

  # Answers after so many seconds: what a release must let finish.
  get "/slow" do
    seconds = Float(params.fetch("seconds", "2"), exception: false)
    halt 400, answer(error: "seconds: a number from 0 to #{LONGEST_SECONDS.to_i}") unless seconds&.between?(0, LONGEST_SECONDS)

    sleep seconds
    answer(slept_seconds: seconds)
  end

  not_found { answer(error: "no such page") }
  error { answer(error: "the cat knocked it over") }

  private

  def answer(**facts)
    content_type Release::CONTENT_TYPE
    Release.write(facts.merge(version: Release::VERSION))
  end
end
