require 'beside'
def handler(event:, context:) = Beside::NAME
