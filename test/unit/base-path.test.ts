import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { stripBasePath } from '../../server/http/base-path.ts'

describe('the base path', () => {
  const strip = (url: string): string | undefined => {
    const request = { url } as IncomingMessage
    stripBasePath('/chat/recalls')(request)
    return request.url
  }

  it('is taken from a target in every spelling in which a path may be sent', () => {
    for (const [sent, served] of [
      ['/chat/recalls/webhook?a=//b', '/webhook?a=//b'],
      ['/chat/recalls/', '/'],
      ['/chat/recalls//webhook', '//webhook'],
      ['//chat/recalls/webhook?a', '/webhook?a'],
      ['/chat//recalls/webhook', '/webhook'],
      ['/chat/./recalls/webhook/', '/webhook'],
      ['/chat/x/../recalls/webhook', '/webhook'],
      ['/ch%61t/recalls/webhook', '/webhook'],
      ['/ch%61t/recalls/a%3Fb', '/a%3Fb'],
    ] as const)
      expect(strip(sent), sent).to.equal(served)
  })

  it('is not taken from any other target', () => {
    for (const url of ['/chat/recallsx/webhook', '/webhook', '/Chat/recalls/webhook', '*', '/%E0%A4%A'])
      expect(strip(url)).to.equal(url)
  })
})
