require 'hello'

def handler(event:, context:)
  spec = Gem.loaded_specs['hello']
  [Hello::WORLD, spec.version.to_s, Gem.path.size > 1]
end
