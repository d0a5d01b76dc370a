import { fileURLToPath } from 'node:url'
import express from 'express'
import type { Router } from 'express'
import helmet from 'helmet'

/** The built page; beside this file after a build. */
const FILES = fileURLToPath(new URL('../page/', import.meta.url))

/** The built client with all that it needs; beside this file after a build. */
const CLIENT = fileURLToPath(new URL('../client/client.js', import.meta.url))

/** The documents as pages, and the API descriptions. `build/docs.mjs` puts them here. */
const DOCS = fileURLToPath(new URL('../docs/', import.meta.url))

/** Serves the client at `/client.js`, for pages of any origin: what it may do is decided by the credential that it shows. */
export function serveClientScript(): Router {
  const router = express.Router()
  router.get('/client.js', (_request, response) => {
    response.set('Access-Control-Allow-Origin', '*').set('Cross-Origin-Resource-Policy', 'cross-origin')
    response.set('X-Content-Type-Options', 'nosniff').sendFile(CLIENT)
  })
  return router
}

/** Serves the page at `/`, and the documents at `/docs`: own scripts, styles and connections only. */
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
      // The gateway may be reached without TLS on a private network; whoever ends TLS in front of it sets this.
      strictTransportSecurity: false,
      referrerPolicy: { policy: 'no-referrer' },
    }),
  )
  router.use('/docs', express.static(DOCS, { maxAge: 0 }))
  // The names of built files hold a hash of what is in them; the page itself must be looked up each time.
  router.use('/assets', express.static(`${FILES}assets`, { immutable: true, maxAge: '1y', index: false }))
  router.use(express.static(FILES, { maxAge: 0 }))
  return router
}
