import type { GatewaySocket } from './gateway-socket.ts'

/**
 * Resolves once all that was sent on the connection has left this process, or the connection is closed: at once unless
 * its peer reads slowly.
 */
export async function flushed(connection: GatewaySocket['conn']): Promise<void> {
  while (connection.readyState === 'open' && !isFlushed(connection)) {
    const { transport } = connection
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        transport.off('ready', settle)
        connection.off('close', settle)
        resolve()
      }
      // After the flush that Socket.IO itself does then.
      transport.on('ready', settle)
      connection.on('close', settle)
    })
  }
}

/** `writeBuffer` is an inner field of Socket.IO. */
function isFlushed(connection: GatewaySocket['conn']): boolean {
  const { writeBuffer = [] } = connection as unknown as { readonly writeBuffer?: readonly unknown[] }
  return connection.transport.writable && writeBuffer.length === 0
}
