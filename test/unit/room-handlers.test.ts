import { EventEmitter } from 'node:events'
import type { NextFunction, Request, Response } from 'express'
import { expect } from 'chai'
import { createLargeReads } from '../../server/api/large-reads.ts'
import { createRoomHandlers } from '../../server/api/room-handlers.ts'
import { RequestTurns } from '../../server/lib/request-turns.ts'
import { GatewayError } from '../../shared/errors.ts'
import { ALLOW_ALL } from '../support/allow-all.ts'
import { waitUntil } from '../support/wait.ts'

const principal = { id: 'u', role: 'member', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER } as const

describe('requests about a room', () => {
  it('are refused if the grant has ended before their turn', async () => {
    let isMember = true
    const turns = new RequestTurns()
    const read = async (): Promise<never> => {
      throw new Error('it is read')
    }
    const authorization: typeof ALLOW_ALL = {
      ...ALLOW_ALL,
      authorize: async ({ expiresAtMs }) => {
        if (!isMember) throw new GatewayError('ROOM_REFUSED')
        return expiresAtMs
      },
    }
    const handlers = createRoomHandlers({
      authorization,
      broker: { heads: read, history: read, historyBefore: read, recalled: read },
      socketsIn: () => 0,
      turns,
      inTurn: createLargeReads({ authorization, turns }),
    })
    const others: (() => void)[] = []
    for (let i = 0; i < 4; i++)
      void turns.large('other', {}, () => new Promise<void>((done) => others.push(done)))
    const ask = async (handler: keyof typeof handlers, originalUrl: string): Promise<unknown> => {
      const response = Object.assign(new EventEmitter(), { locals: { principal }, destroyed: false })
      const [request, next] = [{ originalUrl } as Request, (() => undefined) as NextFunction]
      try {
        return await handlers[handler](request, response as unknown as Response, next)
      } catch (error) {
        return error
      }
    }
    const asking = [ask('notices', '/?group=g&limit=1'), ask('recalled', '/?group=g&seqs=1')]
    await waitUntil('the first waits, and the other behind it', () => turns.waiting === 1)
    isMember = false
    for (const end of others) end()
    for (const outcome of await Promise.all(asking)) expect(outcome).to.include({ code: 'ROOM_REFUSED' })
  })
})
