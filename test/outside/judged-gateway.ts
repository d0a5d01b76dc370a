import { adminToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'

/** Starts one gateway for all cases of a suite, with the token of an admin. Call it inside `describe`. */
export function judgedGateway() {
  let gateway: GatewayProcess
  let token = ''
  before(async () => {
    gateway = await startGatewayProcess()
    token = await adminToken()
  })
  after(() => gateway.stop())
  return {
    get url() {
      return gateway.url
    },
    get port() {
      return gateway.port
    },
    get token() {
      return token
    },
    output: () => gateway.output(),
  }
}
