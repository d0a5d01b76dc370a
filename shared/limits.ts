/**
 * What both ends of a connection, and every proxy between them, must agree on. A test compares the proxy of
 * `docker-compose.yml` and the documents with these values.
 */

/** Maximum size of the line and the headers of an HTTP request: the longest token, the longest query, and as much again. */
export const MAX_HEADER_BYTES = 48 * 1024
/** Maximum number of characters of a token. */
export const MAX_TOKEN_CHARACTERS = 12_288
/** Maximum number of seqs that one request may ask about, and of messages in one recall. */
export const MAX_SEQS = 1_000
/** Maximum size of the body of a request to the HTTP API, and of a message over a socket: `MAX_SEQS` of 16 digits fit, and a token. */
export const MAX_REQUEST_BYTES = 24 * 1024
/** Maximum size of the body of a webhook. A recall of 1,000 messages with their ids takes about 75 KiB. */
export const MAX_WEBHOOK_BYTES = 256 * 1024

/** Maximum number of subscribe requests that the `auth` of a handshake may carry. */
export const MAX_OPENING_REQUESTS = 32

/** The charset is always UTF-8, but libraries that do not know take text without one for Latin-1, and find line ends in it. */
export const EVENT_STREAM_TYPE = 'text/event-stream; charset=utf-8'
/** The `Content-Type` of files of any length, of which a node holds no more than its client is about to read. */
export const JSON_LINES_TYPE = 'application/x-ndjson; charset=utf-8'
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'
/** Limits of `HEARTBEAT_S`: how often a node sends a ping on a socket, and a comment on a stream. A proxy must wait longer for data. */
export const MIN_HEARTBEAT_S = 4
export const MAX_HEARTBEAT_S = 40
/** How long a connection may be silent until it counts as dead: a heartbeat may be late by a quarter of the interval. */
export const silenceAfter = (heartbeatMs: number): number => heartbeatMs * 1.25

/** How long the provider waits for the response to a webhook. It retries only then, and treats an error as final. */
export const PROVIDER_TIMEOUT_MS = 2_000
/** When the receiver reports that a recall could not be stored: after the provider has given up. */
export const RETRYABLE_FAILURE_MS = 2_100

/** The path of Socket.IO, the default of its clients. */
export const SOCKET_PATH = '/socket.io/'

/** A process of the app is alive while its latest heartbeat, one a second, is not older than this. */
export const PROCESS_ALIVE_MS = 5_000
/** How long a process stays listed as gone after its last heartbeat. */
export const PROCESS_GONE_MS = 600_000
