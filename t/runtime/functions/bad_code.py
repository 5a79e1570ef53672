print("about to fail")


def inner():
    raise KeyError("secret")


inner()
