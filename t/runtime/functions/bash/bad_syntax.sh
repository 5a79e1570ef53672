handler() { if; }
