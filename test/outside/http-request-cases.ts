/**
 * A request, or what looks like one, and the statuses that answer it; where RFC 9110 or 9112 leaves a choice, a list of
 * choices. `{query}` stands for a signed query, and text is sent as Latin-1.
 */
export interface RequestCase {
  readonly name: string
  readonly request: string
  readonly statuses: readonly (number | readonly number[])[]
  /** Whether the connection serves another request afterwards. Not looked at if undefined. */
  readonly open?: boolean
  /** What the table relies on, where the RFC leaves a choice or the case is ours. */
  readonly why?: string
}

const get = (...headers: string[]): string => ['GET /livez HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n')
const line = (requestLine: string, ...headers: string[]): string => [requestLine, 'Host: x', ...headers, '', ''].join('\r\n')

export const RECALL = '{"CallbackCommand":"Group.CallbackAfterRecallMsg","Type":"Public","GroupId":"h","MsgSeqList":[{"MsgSeq":1}]}'
const post = (headers: readonly string[], body: string): string => `${['POST /webhook?{query} HTTP/1.1', 'Host: x', ...headers].join('\r\n')}\r\n\r\n${body}`
const ofLength = (length: string, body = RECALL): string => post([`Content-Length: ${length}`], body)
const chunked = (body: string, header = 'Transfer-Encoding: chunked'): string => post([header], body)
const hex = RECALL.length.toString(16)
const inOneChunk = `${hex}\r\n${RECALL}\r\n0\r\n\r\n`

const refused = [400] as const
const smuggling = 'two readers could disagree about where the request ends'

const requestLines: readonly RequestCase[] = [
  { name: 'a proper request', request: get(), statuses: [200], open: true },
  { name: 'HEAD', request: line('HEAD /livez HTTP/1.1'), statuses: [200] },
  { name: 'an empty line before the request', request: `\r\n${get()}`, statuses: [200], open: true },
  { name: 'no version', request: 'GET /livez\r\nHost: x\r\n\r\n', statuses: [400] },
  { name: 'no target', request: 'GET HTTP/1.1\r\nHost: x\r\n\r\n', statuses: [400] },
  { name: 'a blank and no version', request: 'GET / \r\n\r\n', statuses: [400] },
  { name: 'version 9.9', request: line('GET /livez HTTP/9.9'), statuses: [[400, 505]] },
  { name: 'version 2.0', request: line('GET /livez HTTP/2.0'), statuses: [[400, 505]] },
  { name: 'the preface of HTTP/2', request: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', statuses: [[400, 505]] },
  { name: 'a lower-case version', request: line('GET /livez http/1.1'), statuses: [400] },
  { name: 'a version without its minor part', request: line('GET /livez HTTP/1'), statuses: [400] },
  { name: 'HTTP/1.0', request: 'GET /livez HTTP/1.0\r\n\r\n', statuses: [200], open: false },
  { name: 'HTTP/1.0 that stays open', request: 'GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', statuses: [200], open: true },
  { name: 'a method in lower case', request: line('get /livez HTTP/1.1'), statuses: [[400, 405, 501]] },
  { name: 'a method nobody knows', request: line('FROB /livez HTTP/1.1'), statuses: [[400, 405, 501]] },
  { name: 'text before the method', request: line('Extra lineGET /livez HTTP/1.1'), statuses: [400] },
  { name: 'a blank before the method', request: line(' GET /livez HTTP/1.1'), statuses: [400] },
  { name: 'two blanks before the target', request: line('GET  /livez HTTP/1.1'), statuses: [[200, 400]], why: 'RFC 9112, 3: a server may read any blanks as one' },
  { name: 'a tab before the target', request: line('GET\t/livez HTTP/1.1'), statuses: [400] },
  { name: 'a tab before the version', request: line('GET /livez\tHTTP/1.1'), statuses: [400] },
  { name: 'a blank after the version', request: line('GET /livez HTTP/1.1 '), statuses: [400] },
  { name: 'more after the version', request: line('GET /livez HTTP/1.1 x'), statuses: [400] },
  { name: 'a target with a blank', request: line('GET /liv ez HTTP/1.1'), statuses: [400] },
  { name: 'a target with a zero byte', request: line('GET /livez\0 HTTP/1.1'), statuses: [400] },
  { name: 'a target that names this host', request: line('GET http://x/livez HTTP/1.1'), statuses: [200], open: true },
  { name: 'a target that names another host than Host', request: line('GET http://y/livez HTTP/1.1'), statuses: [200], why: 'RFC 9112, 3.2.2: the target counts' },
  { name: 'a target with a user', request: line('GET http://u@x/livez HTTP/1.1'), statuses: [[400, 404]] },
  { name: 'a target that is no path', request: line('GET livez HTTP/1.1'), statuses: [400] },
  { name: 'OPTIONS *', request: line('OPTIONS * HTTP/1.1'), statuses: [[200, 204, 404]] },
  { name: 'GET *', request: line('GET * HTTP/1.1'), statuses: [[400, 404]] },
  { name: 'CONNECT', request: line('CONNECT x:443 HTTP/1.1'), statuses: [[400, 405, 501]], open: false, why: 'this is no proxy' },
  { name: 'TRACE', request: line('TRACE /livez HTTP/1.1'), statuses: [[400, 404, 405, 501]], why: 'a response would repeat credentials' },
  { name: 'a target of 60 kB', request: line(`GET /${'x'.repeat(60_000)} HTTP/1.1`), statuses: [[414, 431]], open: false },
]

const headers: readonly RequestCase[] = [
  { name: 'names in any case, and blanks around values', request: 'GET /livez HTTP/1.1\r\nhoSt:\tx \r\nempty:\r\n\r\n', statuses: [200], open: true },
  { name: 'an empty value', request: get('X-Empty: '), statuses: [200], open: true },
  { name: 'bytes beyond ASCII in a value', request: get('X-Name: é'), statuses: [200], open: true },
  { name: 'no Host', request: 'GET /livez HTTP/1.1\r\n\r\n', statuses: [400] },
  { name: 'an empty Host', request: 'GET /livez HTTP/1.1\r\nHost:\r\n\r\n', statuses: [200] },
  { name: 'two Hosts', request: get('Host: y'), statuses: [400] },
  { name: 'two equal Hosts', request: get('Host: x'), statuses: [400] },
  ...['a b', 'a/b', 'a@b', 'a?b', 'x:port', '<x>', 'http://x'].map((host) => ({
    name: `Host: ${host}`,
    request: `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    statuses: refused,
    why: 'RFC 9112, 3.2: an invalid Host must be refused',
  })),
  ...['x:80', '[::1]:80', '127.0.0.1', 'xn--bcher-kva.example', 'a_b.example'].map((host) => ({
    name: `Host: ${host}`,
    request: `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    statuses: [200],
    open: true,
  })),
  ...['X-A[]: 1', 'X A: 1', 'X-A : 1', ': 1', 'X-A', 'X-\x01: 1', 'X-é: 1', '"X": 1', 'X-A\0: 1', '(X): 1'].map((header) => ({
    name: `a malformed header ${JSON.stringify(header)}`,
    request: get(header),
    statuses: refused,
  })),
  ...['a\x07b', 'a\0b', 'a\rb', 'a\nb', 'a\x0bb', 'a\x1fb', 'a\x7fb'].map((value) => ({
    name: `a control character in a value ${JSON.stringify(value)}`,
    request: get(`X-A: ${value}`),
    statuses: refused,
  })),
  { name: 'a value that continues on the next line', request: get('X-A: 1\r\n 2'), statuses: [[200, 400]], why: 'RFC 9112, 5.2: refused, or joined by a blank' },
  { name: 'a blank before the first header', request: 'GET /livez HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n', statuses: [400] },
  {
    name: 'line ends without CR',
    request: 'GET /livez HTTP/1.1\nHost: x\n\n',
    statuses: [400],
    why: 'RFC 9112, 2.2 permits to accept them; refused, because two readers could disagree',
  },
  { name: 'an empty line without CR', request: 'GET /livez HTTP/1.1\r\nHost: x\r\n\n', statuses: [400] },
  { name: 'a line end without LF', request: 'GET /livez HTTP/1.1\r\nHost: x\rX-A: 1\r\n\r\n', statuses: [400] },
  { name: 'a CR before a header', request: 'GET /livez HTTP/1.1\r\nHost: x\r\n\rX-A: 1\r\n\r\n', statuses: [400] },
  { name: '200 headers', request: get(...Array.from({ length: 200 }, (_, i) => `X-${i}: 1`)), statuses: [200], open: true },
  { name: 'headers of 70 kB', request: get(...Array.from({ length: 70 }, (_, i) => `X-${i}: ${'x'.repeat(1_000)}`)), statuses: [431], open: false },
]

const lengths: readonly RequestCase[] = [
  { name: 'a body', request: ofLength(`${RECALL.length}`), statuses: [200], open: true },
  { name: 'a length with zeros before it', request: ofLength(`00${RECALL.length}`), statuses: [200], open: true },
  { name: 'a length with blanks around it', request: ofLength(`  ${RECALL.length} `), statuses: [200], open: true },
  ...['-1', '-123456789123456789123456789', '+5', 'abc', '', '5x', '0x5', '1e1', '5.0', '5 5', '5,6', '18446744073709551616', '99999999999999999999999', '٥'].map(
    (length) => ({ name: `Content-Length: ${length}`, request: ofLength(Buffer.from(length).toString('latin1')), statuses: refused, open: false }),
  ),
  { name: 'a list of equal lengths', request: ofLength(`${RECALL.length}, ${RECALL.length}`), statuses: [400], why: 'RFC 9112, 6.3 permits to accept it; refused' },
  {
    name: 'two equal lengths',
    request: post([`Content-Length: ${RECALL.length}`, `Content-Length: ${RECALL.length}`], RECALL),
    statuses: [400],
    why: 'RFC 9112, 6.3 permits to accept them; refused',
  },
  { name: 'two lengths', request: post([`Content-Length: ${RECALL.length}`, 'Content-Length: 5'], RECALL), statuses: [400], open: false, why: smuggling },
  { name: 'a length of 0 where a body must be', request: ofLength('0', ''), statuses: [400], open: true },
  {
    name: 'a GET with a body',
    request: `GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`,
    statuses: [200],
    why: 'the body must not become the next request',
  },
  {
    name: 'more bytes than announced',
    request: `${ofLength(`${RECALL.length}`)}junk\r\n\r\n`,
    statuses: [200, 400],
    open: false,
    why: 'the bytes behind it are no request: refused after the answer',
  },
  { name: 'a body larger than a webhook may be', request: ofLength('300000', RECALL), statuses: [413], open: false },
  { name: 'a compressed body', request: post(['Content-Encoding: gzip', `Content-Length: ${RECALL.length}`], RECALL), statuses: [[400, 415]] },
]

const badChunks: Readonly<Record<string, string>> = {
  'a size that is no number': `g\r\n${RECALL}\r\n0\r\n\r\n`,
  'a negative size': `-${hex}\r\n${RECALL}\r\n0\r\n\r\n`,
  'a size with a sign': `+${hex}\r\n${RECALL}\r\n0\r\n\r\n`,
  'a size with a prefix': `0x${hex}\r\n${RECALL}\r\n0\r\n\r\n`,
  'a blank before the size': ` ${hex}\r\n${RECALL}\r\n0\r\n\r\n`,
  'an underscore in the size': `${hex[0]}_${hex[1]}\r\n${RECALL}\r\n0\r\n\r\n`,
  'no size': `\r\n${RECALL}\r\n0\r\n\r\n`,
  'a size beyond 64 bits': `FFFFFFFFFFFFFFFFF\r\n${RECALL}\r\n0\r\n\r\n`,
  'a size without CR': `${hex}\n${RECALL}\r\n0\r\n\r\n`,
  'a size without LF': `${hex}\rX${RECALL}\r\n0\r\n\r\n`,
  'no line end after the data': `${hex}\r\n${RECALL}0\r\n\r\n`,
  'more data than the size says': `${hex}\r\n${RECALL}x\r\n0\r\n\r\n`,
  'data that end with LF alone': `${hex}\r\n${RECALL}\n0\r\n\r\n`,
  'a LF in an extension': `${hex};a\nb\r\n${RECALL}\r\n0\r\n\r\n`,
  'a CR in an extension': `${hex};a\rb\r\n${RECALL}\r\n0\r\n\r\n`,
  'a malformed trailer': `${hex}\r\n${RECALL}\r\n0\r\nX A: 1\r\n\r\n`,
}

const chunks: readonly RequestCase[] = [
  ...Object.entries({
    'one chunk': inOneChunk,
    'a size in upper case': inOneChunk.replace(hex, hex.toUpperCase()),
    'zeros before the size': `000${inOneChunk}`,
    'an extension': inOneChunk.replace(hex, `${hex};a=b`),
    'a quoted extension': inOneChunk.replace(hex, `${hex};a="b c"`),
    'a trailer': `${hex}\r\n${RECALL}\r\n0\r\nX-Sum: 1\r\n\r\n`,
    'a chunk a byte': `${Array.from(RECALL)
      .map((byte) => `1\r\n${byte}\r\n`)
      .join('')}0\r\n\r\n`,
  }).map(([name, body]) => ({ name, request: chunked(body), statuses: [200], open: true })),
  ...Object.entries(badChunks).map(([name, body]) => ({
    name,
    request: chunked(body),
    statuses: refused,
    open: false,
    why: smuggling,
  })),
  { name: 'an extension of 60 kB', request: chunked(inOneChunk.replace(hex, `${hex};a=${'x'.repeat(60_000)}`)), statuses: [[400, 413, 431]], open: false },
  {
    name: 'a trailer of 70 kB',
    request: chunked(`${hex}\r\n${RECALL}\r\n0\r\n${`X: ${'x'.repeat(1_000)}\r\n`.repeat(70)}\r\n`),
    statuses: [[200, 400, 431]],
    open: false,
  },
  { name: 'chunks larger than a webhook may be', request: chunked(`40001\r\n${'x'.repeat(0x40001)}\r\n0\r\n\r\n`), statuses: [413], open: false },
  { name: 'Chunked in another case', request: chunked(inOneChunk, 'TransFer-Encoding: Chunked'), statuses: [200], open: true },
  {
    name: 'a length as well as chunks',
    request: post([`Content-Length: ${RECALL.length}`, 'Transfer-Encoding: chunked'], inOneChunk),
    statuses: [400],
    open: false,
    why: smuggling,
  },
  { name: 'chunks as well as a length', request: post(['Transfer-Encoding: chunked', 'Content-Length: 5'], inOneChunk), statuses: [400], open: false, why: smuggling },
  ...[
    'identity',
    'chunked, identity',
    'chunked, chunked',
    'gzip, chunked',
    'chunked, gzip',
    'xchunked',
    'chunkedx',
    '"chunked"',
    'chun\tked',
    '\x0bchunked',
    'chunked;q=1',
    '',
  ].map((value) => ({
    name: `Transfer-Encoding: ${JSON.stringify(value)}`,
    request: chunked(inOneChunk, `Transfer-Encoding: ${value}`),
    statuses: [[400, 501]],
    open: false,
    why: smuggling,
  })),
  {
    name: 'two Transfer-Encodings',
    request: post(['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], inOneChunk),
    statuses: [[400, 501]],
    open: false,
    why: smuggling,
  },
  { name: 'a blank before the colon', request: chunked(inOneChunk, 'Transfer-Encoding : chunked'), statuses: [400], open: false, why: smuggling },
  { name: 'chunks in HTTP/1.0', request: chunked(inOneChunk).replace('HTTP/1.1', 'HTTP/1.0'), statuses: [400], open: false, why: smuggling },
]

const connections: readonly RequestCase[] = [
  { name: 'Connection: close', request: get('Connection: close'), statuses: [200], open: false },
  { name: 'Expect: 100-continue', request: post(['Expect: 100-continue', `Content-Length: ${RECALL.length}`], RECALL), statuses: [100, 200], open: true },
  { name: 'another expectation', request: get('Expect: tea'), statuses: [[400, 417]] },
  { name: 'two requests in one packet', request: get() + get(), statuses: [200, 200], open: true },
  { name: 'a webhook and a request in one packet', request: ofLength(`${RECALL.length}`) + get(), statuses: [200, 200], open: true },
  {
    name: 'a request for HTTP/2',
    request: get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    statuses: [200],
    why: 'served as if it did not ask',
  },
]

export const REQUEST_CASES: Readonly<Record<string, readonly RequestCase[]>> = {
  'request lines': requestLines,
  headers,
  'Content-Length': lengths,
  'Transfer-Encoding': chunks,
  connections,
}
