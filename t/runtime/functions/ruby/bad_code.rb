puts 'about to fail'
raise KeyError, 'secret'
