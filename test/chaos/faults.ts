import { allFlushed } from './faults/all-flushed.ts'
import { connectionsKilled } from './faults/connections-killed.ts'
import { clientsChurned } from './faults/clients-churned.ts'
import { clusterFailover, sentinelFailover, slotMoved } from './faults/failovers.ts'
import { linesHalfOpen } from './faults/lines-half-open.ts'
import { nodeFrozen } from './faults/node-frozen.ts'
import { nodeKilled } from './faults/node-killed.ts'
import { receiverKilled } from './faults/receiver-killed.ts'
import { redisEmptied } from './faults/redis-emptied.ts'
import { redisFrozen } from './faults/redis-frozen.ts'
import { redisKilled } from './faults/redis-killed.ts'
import { redisRefuses } from './faults/redis-refuses.ts'
import { redisRolledBack } from './faults/redis-rolled-back.ts'
import { redisSlow } from './faults/redis-slow.ts'
import { roomsChurned } from './faults/rooms-churned.ts'
import type { Fault } from './fault.ts'
import { scriptsFlushed } from './faults/scripts-flushed.ts'
import { socketsCut } from './faults/sockets-cut.ts'
import { socketsReturn } from './faults/sockets-return.ts'
import { socketsStalled } from './faults/sockets-stalled.ts'
import { spoolFull } from './faults/spool-full.ts'
import { subscriptionDeaf } from './faults/subscription-deaf.ts'

/** Every fault by name. The names are arguments of `npm run chaos`. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'redis-killed': {
    rule: 'loses nothing and sends no gap when Redis is killed and restarts with everything it confirmed',
    losesData: false,
    run: redisKilled,
  },
  'redis-emptied': {
    rule: 'loses nothing, after a gap, when Redis restarts empty',
    losesData: true,
    run: redisEmptied,
  },
  'redis-rolled-back': {
    rule: 'loses nothing, after a gap, when Redis restarts from an older state',
    losesData: true,
    run: redisRolledBack,
  },
  'redis-frozen': {
    rule: 'loses nothing when Redis freezes for a while',
    losesData: false,
    run: redisFrozen,
  },
  'redis-slow': {
    rule: 'loses nothing, and says so in time, when Redis becomes slow',
    losesData: false,
    run: redisSlow,
  },
  'redis-refuses': {
    rule: 'loses nothing, and says so in time, when Redis refuses writes for a while',
    losesData: false,
    run: redisRefuses,
  },
  'subscription-deaf': {
    rule: 'says so in time when nodes hear nothing of what they have subscribed to',
    losesData: false,
    run: subscriptionDeaf,
  },
  'connections-killed': {
    rule: 'loses nothing when all connections to Redis are killed again and again',
    losesData: false,
    run: connectionsKilled,
  },
  'sentinel-master-killed': {
    rule: 'loses nothing when the master that Sentinel watches is killed',
    losesData: false,
    run: sentinelFailover('Sentinel master killed', 'SIGKILL'),
  },
  'sentinel-master-frozen': {
    rule: 'loses nothing when the master that Sentinel watches freezes',
    losesData: false,
    run: sentinelFailover('Sentinel master frozen', 'SIGSTOP'),
  },
  'cluster-master-killed': {
    rule: 'loses nothing when the cluster master that owns the slot is killed',
    losesData: false,
    run: clusterFailover('Cluster master killed', 'SIGKILL'),
  },
  'cluster-master-frozen': {
    rule: 'loses nothing when the cluster master that owns the slot freezes',
    losesData: false,
    run: clusterFailover('Cluster master frozen', 'SIGSTOP'),
  },
  'slot-moved': {
    rule: 'loses nothing while the slot moves to another cluster master',
    losesData: false,
    run: slotMoved,
  },
  'node-killed': {
    rule: 'loses nothing when nodes are killed and their sockets resume at others',
    losesData: false,
    run: nodeKilled,
  },
  'node-frozen': {
    rule: 'says so in time when a node freezes, and loses nothing',
    losesData: false,
    run: nodeFrozen,
  },
  'receiver-killed': {
    rule: 'loses no spooled recall when the receiver is killed',
    losesData: false,
    mayRefuse: true,
    run: receiverKilled,
  },
  'sockets-cut': {
    rule: 'delivers everything to sockets that are dropped again and again',
    losesData: false,
    run: socketsCut,
  },
  'sockets-return': {
    rule: 'delivers missed notices to many sockets that reconnect simultaneously',
    losesData: false,
    run: socketsReturn,
  },
  'sockets-stalled': {
    rule: 'disconnects sockets that stop reading, and delivers everything when they reconnect',
    losesData: false,
    run: socketsStalled,
  },
  'scripts-flushed': {
    rule: 'loses nothing when the scripts of Redis are flushed',
    losesData: false,
    run: scriptsFlushed,
  },
  'all-flushed': {
    rule: 'loses nothing, after a gap, when Redis is flushed',
    losesData: true,
    run: allFlushed,
  },
  'spool-full': {
    rule: 'never acknowledges a recall that it could not store when the spool is full',
    losesData: false,
    mayRefuse: true,
    run: spoolFull,
  },
  'lines-half-open': {
    rule: 'lets clients notice by themselves that nothing comes through their connections',
    losesData: false,
    run: linesHalfOpen,
  },
  'clients-churned': {
    rule: 'misses and repeats nothing in clients that are dropped, left, closed and killed, and whose handlers fail',
    losesData: false,
    run: clientsChurned,
  },
  'rooms-churned': {
    rule: 'leaves no room and no subscription behind when sockets come and go',
    losesData: false,
    run: roomsChurned,
  },
}
