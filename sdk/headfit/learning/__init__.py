"""How a head is learned: one fitted head as a value, and the methods that make one."""
