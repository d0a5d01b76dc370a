import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { createStreamedFiles } from '../../server/api/streamed-file.ts'
import { FEED } from '../../shared/room.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('a file of which little is found', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is begun at once, sent as far as it is found, and ends when nobody reads it any more', async () => {
    const notes: unknown[] = []
    const stream = createStreamedFiles(
      { what: 'export', max: 1 },
      {
        authorization: { authorize: async () => 0 },
        audit: { note: async (_request, _response, _act, outcome) => void notes.push(outcome?.result) },
      },
    )
    let goOn: () => void = () => undefined
    const wait = () => new Promise<void>((resolve) => (goOn = resolve))
    const app = express()
    app.get('/', async (request, response) => {
      response.locals['principal'] = { id: 'admin-1', role: 'admin' }
      response.locals['charge'] = async () => undefined
      await stream(request, response, {
        room: FEED,
        act: { action: 'export', details: {} },
        contentType: 'text/csv',
        name: 'recalls.csv',
        async *lines() {
          yield ''
          await wait()
          yield 'a line\n'
          for (;;) {
            await wait()
            yield ''
          }
        },
      })
    })
    const server = createServer(app).listen(0, '127.0.0.1')
    onCleanUp(() => server.close())
    await once(server, 'listening')

    const reading = new AbortController()
    const { signal } = reading
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { signal })
    expect(response.headers.get('content-type')).to.include('text/csv')
    const { now } = performance
    onCleanUp(() => (performance.now = now))
    goOn()
    const reader = response.body?.getReader()
    const line = reader?.read()
    // What was found is not held back for longer than a second, though nothing follows.
    performance.now = () => now.call(performance) + 2_000
    const going = setInterval(() => goOn(), 5)
    onCleanUp(() => clearInterval(going))
    expect(Buffer.from((await line)?.value ?? []).toString()).to.equal('a line\n')
    reading.abort()
    await waitUntil('it ends', () => notes.length === 2)
    expect(notes).to.deep.equal(['begun', 'cancelled'])
  })
})
