"""The floor: a bare aiohttp loop that makes the same calls as `engine.py`'s pipeline, and keeps nothing.

Run by engine.py:  python benchmarks/bare_loop.py URL ROWS IN_FLIGHT
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import msgspec


async def main(url: str, rows: int, in_flight: int) -> None:
    """Two calls a row, the second with the first one's answer, `in_flight` at once."""
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
    numbers = iter(range(rows))

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"Content-Type": "application/json"}
    ) as session:

        async def ask(prompt: str) -> str:
            body = encode({"model": "m", "messages": [{"role": "user", "content": prompt}]})
            async with session.post(f"{url}/chat/completions", data=body) as response:
                answer = decode(await response.read())
            return str(answer["choices"][0]["message"]["content"])

        async def work() -> None:
            for number in numbers:
                draft = await ask(f"Write one sentence about topic {number}.")
                await ask(f"Make this shorter: {draft}")

        await asyncio.gather(*(work() for _ in range(in_flight)))


if __name__ == "__main__":
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    runner(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
