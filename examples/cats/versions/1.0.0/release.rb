# frozen_string_literal: true

# 1.0.0 answers plain text: a line a fact.
module Release
  VERSION = "1.0.0"
  CONTENT_TYPE = "text/plain"

  def self.write(facts)
    facts.map { |name, value| "#{name}: #{value}\n" }.join
  end

  def self.boot; end
end
