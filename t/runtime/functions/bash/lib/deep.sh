deep() { . ./beside.sh; }
