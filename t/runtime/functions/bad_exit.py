import sys

print("never mind")
sys.exit(7)
