#!/usr/bin/env python3
"""A PLC played by pymodbus, with commands on standard input, one a line, each answered by one line:

    put h|i ADDRESS WORD...     holding or input registers
    get h|i ADDRESS COUNT
    writes                      requests that wrote, so far, and the words of the last one
    first                       words of the first one
    follow ADDRESS COUNT INPUT  what is written to these holding registers shows in input registers from INPUT
    quit

    plc.py tcp PORT | rtu DEVICE BAUD

Says "ready" when it serves. Unit ids 1 and 2 have registers of their own: "unit N" chooses whose are meant.
"""
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer

SIZE = 3000


class Holding(ModbusSequentialDataBlock):
    def __init__(self, inputs):
        super().__init__(0, [0] * SIZE)
        self.inputs, self.follow, self.n_write, self.first, self.last = inputs, None, 0, [], []

    def mirror(self, address, values):
        if self.follow:
            first, count, to = self.follow
            for k, value in enumerate(values):
                if first <= address + k < first + count:
                    self.inputs.setValues(to + address + k - first, [value])

    def setValues(self, address, values):
        super().setValues(address, values)
        values = values if isinstance(values, list) else [values]
        self.n_write += 1
        self.last = [address, *values]
        self.first = self.first or self.last
        self.mirror(address, values)


class Plc:
    def __init__(self):
        self.inputs = {unit: ModbusSequentialDataBlock(0, [0] * SIZE) for unit in (1, 2)}
        self.holding = {unit: Holding(self.inputs[unit]) for unit in (1, 2)}
        self.unit = 1
        self.context = ModbusServerContext(
            slaves={unit: ModbusSlaveContext(hr=self.holding[unit], ir=self.inputs[unit], zero_mode=True)
                    for unit in (1, 2)}, single=False)

    def block(self, table):
        return (self.holding if table == "h" else self.inputs)[self.unit]

    def answer(self, word):
        holding = self.holding[self.unit]
        if word[0] == "unit":
            self.unit = int(word[1])
        elif word[0] == "put":
            values = [int(w) for w in word[3:]]
            ModbusSequentialDataBlock.setValues(self.block(word[1]), int(word[2]), values)
            if word[1] == "h":
                holding.mirror(int(word[2]), values)
        elif word[0] == "get":
            return " ".join(str(v) for v in self.block(word[1]).getValues(int(word[2]), int(word[3])))
        elif word[0] == "writes":
            return " ".join(str(v) for v in [holding.n_write, *holding.last])
        elif word[0] == "first":
            return " ".join(str(v) for v in holding.first)
        elif word[0] == "follow":
            holding.follow = tuple(int(w) for w in word[1:])
        return "ok"


async def serve(plc, kind, place, *more):
    if kind == "tcp":
        server = ModbusTcpServer(plc.context, framer=ModbusSocketFramer, address=("127.0.0.1", int(place)),
                                 allow_reuse_address=True)
        task = asyncio.create_task(server.serve_forever())
        await server.serving
    else:
        server = ModbusSerialServer(plc.context, framer=ModbusRtuFramer, port=place, baudrate=int(more[0]),
                                    parity="N", timeout=0.01)
        await server.start()
        task = None
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        word = (await reader.readline()).decode().split()
        if not word or word[0] == "quit":
            break
        print(plc.answer(word), flush=True)
    if task:
        task.cancel()


asyncio.run(serve(Plc(), *sys.argv[1:]))
