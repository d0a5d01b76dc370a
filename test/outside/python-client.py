"""A python-socketio client of a gateway, blocking or asyncio.

usage: python-client.py blocking|asyncio URL TOKEN

Prints a JSON line for each thing that happens. Connects, then obeys the lines of its standard input: `subscribe GROUP`
subscribes from now, or from where the first subscription to this group began; anything else ends the client.
"""

import asyncio
import json
import sys
import threading

import socketio

kind, url, token = sys.argv[1:]
EVENTS = ['connect', 'disconnect', 'connect_error', 'hello', 'messages-recalled', 'gap', 'unsubscribed', 'goodbye']
RECONNECTION = {'reconnection_delay': 0.2, 'reconnection_delay_max': 0.5}
OPTIONS = {'auth': {'token': token}, 'transports': ['websocket'], 'wait_timeout': 8}
positions = {}


def tell(what, value=None):
    # In one write: the listeners run in threads.
    sys.stdout.write(json.dumps({'what': what, 'value': value}) + '\n')
    sys.stdout.flush()


def heard(client, event, value=None):
    tell(event, value)
    if event == 'connect_error' and isinstance(value, dict) and not value.get('data', {}).get('retry', True):
        # As shared/CLIENTS.md says.
        client.reconnection = False
        client.reconnection_attempts = 1


def request(group):
    since = positions.get(group)
    return {'group': group, 'since': since} if since else {'group': group}


def answered(group, answer):
    if answer['ok']:
        positions.setdefault(group, answer['position'])
    tell('answer', answer)


def blocking():
    client = socketio.Client(**RECONNECTION)
    for event in EVENTS:
        client.on(event, lambda *values, event=event: heard(client, event, *values[:1]))
    try:
        client.connect(url, **OPTIONS)
    except socketio.exceptions.ConnectionError:
        return
    for line in sys.stdin:
        command, _, group = line.strip().partition(' ')
        if command != 'subscribe':
            break
        answered(group, client.call('subscribe', request(group)))
    client.disconnect()


async def with_asyncio():
    client = socketio.AsyncClient(**RECONNECTION)

    def listener(event):
        async def listen(*values):
            heard(client, event, *values[:1])

        return listen

    for event in EVENTS:
        client.on(event, listener(event))
    try:
        await client.connect(url, **OPTIONS)
    except socketio.exceptions.ConnectionError:
        return
    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, 'end')

    threading.Thread(target=read, daemon=True).start()
    while True:
        command, _, group = (await lines.get()).strip().partition(' ')
        if command != 'subscribe':
            break
        answered(group, await client.call('subscribe', request(group)))
    await client.disconnect()


if kind == 'blocking':
    blocking()
else:
    asyncio.run(with_asyncio())
