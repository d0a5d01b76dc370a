/** `traceparent` of W3C Trace Context, of any version. */
const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}(?:-|$)/

/** Returns the id by which a traced recall is found in the log of the gateway, and among spans; undefined if it is not traced. */
export const traceIdOf = (notice: object): string | undefined =>
  'traceparent' in notice && typeof notice.traceparent === 'string'
    ? TRACEPARENT.exec(notice.traceparent)?.[1]
    : undefined
