print "about to fail"
error("secret")
