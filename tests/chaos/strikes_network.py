"""Strikes on a network: the one between proxy and server, or the one between clients and proxy."""


class NetworkStrikes:
    def reset_network(self):
        self.reset(self.relay)

    def half_open_network(self):
        self.half_open(self.relay)

    def slow_network(self):
        self.spoil(self.relay, "delay_s", [0.002, 0.02, 0.1], "each packet takes {} s")

    def slice_network(self):
        self.spoil(self.relay, "slice_bytes", [1, 3, 7, 50], "bytes come {} at a time")

    def narrow_network(self):
        self.spoil(self.relay, "bytes_per_s", [500, 3000, 20000], "a connection carries {} bytes a second")

    def refuse_network(self):
        self.refuse(self.relay)

    def reset_clients(self):
        self.reset(self.door)

    def half_open_clients(self):
        self.half_open(self.door)

    def slow_clients(self):
        self.spoil(self.door, "delay_s", [0.002, 0.02, 0.1], "each packet takes {} s")

    def slice_clients(self):
        self.spoil(self.door, "slice_bytes", [1, 3, 7, 50], "bytes come {} at a time")

    def narrow_clients(self):
        self.spoil(self.door, "bytes_per_s", [500, 3000, 20000], "a connection carries {} bytes a second")

    def refuse_clients(self):
        self.refuse(self.door)

    # --- what they do

    def reset(self, network):
        for _ in range(self.rng.randrange(1, 5)):
            self.say(f"{network.reset(self.rng)} connections reset")
            self.pause(0.05, 0.5)

    def half_open(self, network):
        """One end does not hear that the other is gone: the far one for a while, or the near one."""
        self.say(network.half_open(self.rng))
        self.pause(0.2, 4)
        network.bury()
        self.say("they are gone on both ends")

    def spoil(self, network, what, values, words):
        value = self.rng.choice(values)
        setattr(network, what, value)
        self.say(words.format(value))
        self.pause(0.5, 4)
        setattr(network, what, 0)

    def refuse(self, network):
        network.close()
        self.pause(0.1, 3)
        network.open()
        self.say("the network is back")
