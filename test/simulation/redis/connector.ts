import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'
import { AbstractConnector } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import type { RedisModel } from './model.ts'

type Connector = NonNullable<RedisOptions['Connector']>

/** Makes a real client speak with a model, through memory. */
export function connectorTo(model: RedisModel): Connector {
  const connector = class extends AbstractConnector {
    constructor() {
      super(100)
    }

    override async connect(): Promise<never> {
      this.connecting = true
      const [here, there] = duplexPair()
      model.connect(there)
      return (this.stream = asSocket(here) as never)
    }
  }
  return connector as unknown as Connector
}

/** The client also sets options of sockets, which mean nothing here. */
const asSocket = (stream: Duplex): Duplex => {
  const self = (): Duplex => stream
  return Object.assign(stream, { setKeepAlive: self, setNoDelay: self, setTimeout: self })
}
