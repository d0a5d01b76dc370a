import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { JWT_SECRET, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout } from '../support/wait.ts'
import { outcomeOf } from '../support/webhook-outcome.ts'

describe('secrets', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }

  it('appear neither in responses nor in logs, and neither do versions', async () => {
    const gateway = await start()
    const admin = await adminToken()
    const responses = await Promise.all([
      fetch(`${gateway.url}/`),
      fetch(`${gateway.url}/livez`),
      fetch(`${gateway.url}/readyz`),
      fetch(`${gateway.url}/nothing?token=${admin}`),
      fetch(`${gateway.url}/%00`),
      fetch(`${gateway.url}/webhook`),
      fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`),
      fetch(`${gateway.url}/v1/disconnect`, { method: 'POST', body: '{' }),
    ])
    for (const response of responses) {
      const text = JSON.stringify([...response.headers]) + (await response.text())
      for (const secret of [WEBHOOK_TOKEN, JWT_SECRET, admin, 'Express', process.version, 'node_modules'])
        expect(text).to.not.include(secret)
      expect(response.headers.get('server')).to.equal(null)
    }
    await postDisconnect(gateway.url, `${admin}x`, {})
    for (const secret of [WEBHOOK_TOKEN, JWT_SECRET, admin.slice(-30)])
      expect(gateway.output()).to.not.include(secret)
  })

  describe('in files', () => {
    const run = async (settings: Readonly<Record<string, string>>) => {
      const { exited, output } = runGateway(['start'], { SDK_APP_ID: '1', PORT: '0', ...settings })
      expect(await withTimeout('it ends', exited)).to.equal(1)
      return output()
    }
    it('are read without the trailing newline', async () => {
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const [tokenFile, secretFile] = [join(folder.path, 'token'), join(folder.path, 'secret')]
      writeFileSync(tokenFile, `${WEBHOOK_TOKEN}\n`)
      writeFileSync(secretFile, JWT_SECRET)
      const gateway = await start({
        WEBHOOK_TOKEN: '',
        JWT_SECRET: '',
        WEBHOOK_TOKEN_FILE: tokenFile,
        JWT_SECRET_FILE: secretFile,
      })
      expect(await outcomeOf(gateway.url)).to.equal('OK')
      const client = await connect(gateway.url, await adminToken())
      client.close()
    })

    it('are read without what editors and Windows add, by every command', async () => {
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const files = {
        WEBHOOK_TOKEN_FILE: join(folder.path, 'token'),
        JWT_SECRET_FILE: join(folder.path, 'secret'),
      }
      writeFileSync(files.WEBHOOK_TOKEN_FILE, `\uFEFF${WEBHOOK_TOKEN}\r\n\r\n`)
      writeFileSync(files.JWT_SECRET_FILE, `${JWT_SECRET} \n`)
      // A line of a file of variables that was written on Windows.
      const settings = { ...files, SDK_APP_ID: '1400000000\r', JWT_ISSUER: 'https://me.example\r' }
      const gateway = await start({ WEBHOOK_TOKEN: '', JWT_SECRET: '', ...settings })
      const sent = runGateway(['send', '--group', 'g', '--url', `${gateway.url}/webhook`], settings)
      expect(await withTimeout('it is sent', sent.exited), sent.output()).to.equal(0)
      const printed = runGateway(['token', '--sub', 'admin', '--admin'], settings)
      expect(await withTimeout('it is printed', printed.exited), printed.output()).to.equal(0)
      const client = await connect(gateway.url, printed.output().trim())
      client.close()
    })

    it('must be readable, and set only once', async () => {
      const missing = { WEBHOOK_TOKEN_FILE: '/nowhere/secret-name', JWT_SECRET }
      expect(await run(missing))
        .to.include('cannot read the file named by WEBHOOK_TOKEN_FILE')
        .and.not.include('secret-name')
      const both = { WEBHOOK_TOKEN, WEBHOOK_TOKEN_FILE: '/dev/null', JWT_SECRET }
      expect(await run(both)).to.include('both WEBHOOK_TOKEN and WEBHOOK_TOKEN_FILE are set')
    })
  })

  it('are required: nothing starts without credentials', async () => {
    const { exited, output } = runGateway(['start'], { PORT: '0' })
    expect(await withTimeout('it ends', exited)).to.equal(1)
    for (const name of ['SDK_APP_ID', 'WEBHOOK_TOKEN', 'JWT_SECRET'])
      expect(output()).to.include(`${name} is missing`)
    const off = runGateway(['start'], { SDK_APP_ID: '1', WEBHOOK_TOKEN, WEBHOOK_AUTH: 'off', JWT_SECRET })
    expect(await withTimeout('it ends', off.exited)).to.equal(1)
    expect(off.output()).to.include('WEBHOOK_TOKEN has no effect while WEBHOOK_AUTH is off')
  })
})
