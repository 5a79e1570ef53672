module Hello
  WORLD = 'from a gem'
end
