Gem::Specification.new do |s|
  s.name = 'hello'
  s.version = '1.0'
  s.summary = 'A gem of a test'
  s.authors = ['nobody']
  s.files = ['lib/hello.rb']
end
