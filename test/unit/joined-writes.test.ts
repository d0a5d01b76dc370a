import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { joinWrites } from '../../server/lib/joined-writes.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

describe('joined writes', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Returns the two ends of a connection. */
  async function connected(): Promise<[Socket, Socket]> {
    const server = createServer().listen(0, '127.0.0.1')
    onCleanUp(() => void server.close())
    await once(server, 'listening')
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [Socket]
    onCleanUp(() => void peer.destroy())
    onCleanUp(() => void socket.destroy())
    return [socket, peer]
  }

  /** Returns how many lists the system was given, and all that has arrived, in hexadecimal. */
  async function send(
    pieces: readonly (readonly [string | Uint8Array, (BufferEncoding | undefined)?])[],
  ): Promise<[number, string]> {
    const [socket, peer] = await connected()
    const arrived = text(peer.setEncoding('latin1'))
    let lists = 0
    const { _writev: writeList } = Socket.prototype
    Object.assign(Socket.prototype, {
      _writev(this: Socket, ...args: Parameters<NonNullable<typeof writeList>>) {
        lists++
        writeList?.apply(this, args)
      },
    })
    onCleanUp(() => void Object.assign(Socket.prototype, { _writev: writeList }))
    joinWrites(socket)
    const done: number[] = []
    socket.cork()
    for (const [i, [piece, encoding]] of pieces.entries())
      if (encoding === undefined) socket.write(piece, () => done.push(i))
      else socket.write(piece, encoding, () => done.push(i))
    expect(socket.writableLength, 'bytes that wait').to.be.above(0)
    socket.end()
    const bytes = Buffer.from(await arrived, 'latin1').toString('hex')
    expect(done, 'callbacks, in order').to.deep.equal([...pieces.keys()])
    return [lists, bytes]
  }

  const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i)

  it('are one text that the system takes, of the same bytes in the same order', async () => {
    const [lists, bytes] = await send([['one'], [BYTES], ['\u00e9', 'latin1'], ['two', 'utf8']])
    const expected = [Buffer.from('one'), BYTES, Uint8Array.of(0xe9), Buffer.from('two')]
    expect(bytes).to.equal(Buffer.concat(expected).toString('hex'))
    expect(lists).to.equal(0)
  })

  it('are not made of text beyond ASCII, of other encodings, and of much', async () => {
    for (const [second, encoding] of [
      ['\u00e9', 'utf8'],
      ['6f', 'hex'],
      ['x'.repeat(5_000), 'latin1'],
      [new Uint8Array(5_000), undefined],
    ] as const) {
      const [lists, bytes] = await send([['one'], [second, encoding]])
      const expected = typeof second === 'string' ? Buffer.from(second, encoding) : Buffer.from(second)
      expect(bytes).to.equal(Buffer.concat([Buffer.from('one'), expected]).toString('hex'))
      expect(lists).to.equal(1)
    }
  })
})
