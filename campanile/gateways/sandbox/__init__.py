"""The sandbox: a real HTTP gateway on this machine, where everything can be tried without spending a cent."""
