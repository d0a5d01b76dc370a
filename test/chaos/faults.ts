import { allFlushed } from './faults/all-flushed.ts'
import { connectionsKilled } from './faults/connections-killed.ts'
import { clusterFailover, sentinelFailover, slotMoved } from './faults/failovers.ts'
import { nodeKilled } from './faults/node-killed.ts'
import { receiverKilled } from './faults/receiver-killed.ts'
import { redisEmptied } from './faults/redis-emptied.ts'
import { redisFrozen } from './faults/redis-frozen.ts'
import { redisKilled } from './faults/redis-killed.ts'
import { redisRolledBack } from './faults/redis-rolled-back.ts'
import { roomsChurned } from './faults/rooms-churned.ts'
import type { Fault } from './fault.ts'
import { scriptsFlushed } from './faults/scripts-flushed.ts'
import { socketsCut } from './faults/sockets-cut.ts'
import { socketsReturn } from './faults/sockets-return.ts'
import { socketsStalled } from './faults/sockets-stalled.ts'
import { spoolFull } from './faults/spool-full.ts'

/** Every fault, by the name under which the long form plays it alone. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'redis-killed': {
    rule: 'loses nothing and tells no gap when Redis is killed and comes back with what it confirmed',
    losesData: false,
    play: redisKilled,
  },
  'redis-emptied': {
    rule: 'tells a gap and goes on when Redis comes back empty',
    losesData: true,
    play: redisEmptied,
  },
  'redis-rolled-back': {
    rule: 'tells a gap and goes on when Redis comes back as it was a while ago',
    losesData: true,
    play: redisRolledBack,
  },
  'redis-frozen': {
    rule: 'loses nothing when Redis stands still for a while',
    losesData: false,
    play: redisFrozen,
  },
  'connections-killed': {
    rule: 'loses nothing when all connections to Redis are cut again and again',
    losesData: false,
    play: connectionsKilled,
  },
  'sentinel-master-killed': {
    rule: 'loses nothing when the master of a Sentinel group is killed',
    losesData: false,
    play: sentinelFailover('Sentinel master killed', 'SIGKILL'),
  },
  'sentinel-master-frozen': {
    rule: 'loses nothing when the master of a Sentinel group freezes',
    losesData: false,
    play: sentinelFailover('Sentinel master frozen', 'SIGSTOP'),
  },
  'cluster-master-killed': {
    rule: 'loses nothing when the master of our slot in a cluster is killed',
    losesData: false,
    play: clusterFailover('Cluster master killed', 'SIGKILL'),
  },
  'cluster-master-frozen': {
    rule: 'loses nothing when the master of our slot in a cluster freezes',
    losesData: false,
    play: clusterFailover('Cluster master frozen', 'SIGSTOP'),
  },
  'slot-moved': {
    rule: 'loses nothing while our slot of a cluster moves to another master',
    losesData: false,
    play: slotMoved,
  },
  'node-killed': {
    rule: 'loses nothing when nodes are killed and their sockets go on at others',
    losesData: false,
    play: nodeKilled,
  },
  'receiver-killed': {
    rule: 'loses nothing that waits in the spool of a receiver that is killed',
    losesData: false,
    mayRefuse: true,
    play: receiverKilled,
  },
  'sockets-cut': {
    rule: 'delivers everything to sockets that are cut off again and again',
    losesData: false,
    play: socketsCut,
  },
  'sockets-return': {
    rule: 'tells very many sockets that come back at once what they missed',
    losesData: false,
    play: socketsReturn,
  },
  'sockets-stalled': {
    rule: 'sends sockets away that stop reading, and tells them everything when they come back',
    losesData: false,
    play: socketsStalled,
  },
  'scripts-flushed': {
    rule: 'loses nothing when Redis forgets the scripts',
    losesData: false,
    play: scriptsFlushed,
  },
  'all-flushed': {
    rule: 'tells a gap and goes on when Redis is flushed',
    losesData: true,
    play: allFlushed,
  },
  'spool-full': {
    rule: 'answers OK for nothing that it could not keep when the spool is full',
    losesData: false,
    mayRefuse: true,
    play: spoolFull,
  },
  'rooms-churned': {
    rule: 'leaves no room and no subscription behind sockets that come and go',
    losesData: false,
    play: roomsChurned,
  },
}
