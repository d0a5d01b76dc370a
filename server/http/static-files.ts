import { fileURLToPath } from 'node:url'
import express from 'express'
import type { Router } from 'express'
import helmet from 'helmet'
import { redirectToFolders } from './base-path.ts'

/** Paths in `dist/`, where the build puts these files next to the compiled server. */
const CONSOLE = fileURLToPath(new URL('../page/', import.meta.url))
/** The client with everything it imports. */
const CLIENT_SCRIPT = fileURLToPath(new URL('../client/client.js', import.meta.url))
/** The documents as pages, and the API descriptions. */
const DOCS = fileURLToPath(new URL('../docs/', import.meta.url))

/** Serves the client at `/client.js`, to pages of any origin: the credential decides what the client may do. */
export function serveClientScript(): Router {
  const router = express.Router()
  router.get('/client.js', (_request, response) => {
    response.set('Access-Control-Allow-Origin', '*').set('Cross-Origin-Resource-Policy', 'cross-origin')
    response.set('X-Content-Type-Options', 'nosniff').sendFile(CLIENT_SCRIPT)
  })
  return router
}

/** Serves the console at `/` and the documents at `/docs`. Their policy allows only the gateway's own scripts and connections. */
export function serveConsole(): Router {
  const router = express.Router()
  router.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          connectSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      // The gateway may be used without TLS on a private network. A proxy that terminates TLS sets this header.
      strictTransportSecurity: false,
      referrerPolicy: { policy: 'no-referrer' },
    }),
  )
  // Redirects of `static` are absolute, which is wrong below a path that a proxy stripped.
  router.use(redirectToFolders(['/docs']))
  router.use('/docs', express.static(DOCS, { maxAge: 0, redirect: false }))
  // The names of built assets contain a hash of their content. The page itself must be revalidated each time.
  router.use(
    '/assets',
    express.static(`${CONSOLE}assets`, { immutable: true, maxAge: '1y', index: false, redirect: false }),
  )
  router.use(express.static(CONSOLE, { maxAge: 0, redirect: false }))
  return router
}
