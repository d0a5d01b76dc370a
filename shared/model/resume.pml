/*
 * A client resumes at any node where it stopped: nothing is missing at the seam, nothing comes twice, and its position says what its
 * listener has handled.
 *
 * server/realtime/sessions/join.ts and replay.ts, server/realtime/rooms/batcher.ts and local-room.ts,
 * shared/client/room-stream.ts, room-listener.ts, ledger.ts and saved-position.ts
 *
 * One client with one listener, which has a position at first, and two nodes. Each node follows the log as heal.pml proves: in order, late, and with gaps. A step is one
 * turn of an event loop; a wire keeps its order and loses everything when it is cut. Sound abstractions:
 * - Clients meet in a room only in what it remembers of the log, so one of them shows what a seam can show. A slow reader is cut off,
 *   which is a cut like any other.
 * - How many notices fit into one turn is open: the node may always send a part, or all that is left.
 * - The position store is synchronous: a slow one stores an earlier position, from which the client is given again what it has handled.
 */
#include "checks.pml"

#define DELIVER_BEFORE_JOIN 1      /* refuted by seam: live notices while the replay is under way */
#define YIELD_BEFORE_JOIN 2        /* refuted by seam: another turn between what was missed and the join */
#define NO_FLUSH_BEFORE_JOIN 3     /* refuted by seam: the batch of the room is sent again after the replay */
#define TRIM_OFF_BY_ONE 4          /* refuted by seam: a log that begins one notice too late is no gap */
#define DROP_EPOCH_COMPARE 5       /* refuted by seam: a position of another epoch is resumed */
#define RESUME_FROM_NOW 6          /* refuted by handled: the client subscribes again without its position */
#define POSITION_BEFORE_LISTENER 7 /* refuted by handled: the position is stored when a notice arrives */
#define GAP_BEFORE_LISTENER 8      /* refuted by handled: the position is stored when a gap arrives */
#define NO_CATCH_UP 9              /* refuted by once: a node that lags takes its own position for the end of the log */
#define FORGET_RESUBSCRIBE 10      /* refuted by caught_up: the client connects again and subscribes to nothing */
#define FORGET_TO_JOIN 11          /* refuted by caught_up: what was missed is sent, and nothing after it */

#ifndef NOTICES
#define NOTICES 3
#endif
#define LOG_SIZE 2
#ifndef FAULTS
#define FAULTS 1
#endif
#define NODES 2
#define NOBODY NODES

/* The log. Epochs are 1 and 2. */
byte epoch = 1, head, first = 1
byte faults

/* The room on each node: its position, what it remembers of the log, and what it has broadcast. */
byte at_epoch[NODES] = 1, at[NODES], remembered[NODES], sent[NODES]

/* The client's connection: the node, and the node whose room it has joined. */
byte node = NOBODY, joined = NOBODY
mtype = { nothing, ack, ack_gap, notice, gap }
chan wire = [6] of { mtype, byte, byte }

/* Its request on the node, up to the join. Epoch 0: from now. `page` is the last notice of the log that was read, 0 without one. */
mtype = { idle, asked, replaying, ending }
mtype request = idle
byte since_epoch, since, page, end
bool is_acknowledged

/* Where the client is: after the last item taken, and what is stored. What waits for its listener: more than one item waits on the wire. */
byte taken_epoch = 1, taken, stored_epoch = 1, stored
chan queue = [1] of { mtype, byte, byte }

/* What a client without code of ours expects next on the wire. */
byte next_epoch, next
/* What the listener has handled, and the last notice it was given in each epoch. */
byte handled_epoch = 1, handled
byte given[3]

inline tell(kind, of_epoch, offset) {
  assert(nfull(wire))
  wire!kind, of_epoch, offset
}

proctype Log() {
  byte left = NOTICES
  bool may_end = true
  do
  :: atomic { left > 0 -> left--; head++; printf("(%d,%d) is published\n", epoch, head)
      if
      :: head - first + 1 > LOG_SIZE -> first++
      :: else
      fi }
  :: atomic { may_end -> may_end = false; epoch++; first = head + 1; printf("the group ends, epoch %d begins\n", epoch) }
  :: atomic { left == 0 -> may_end = false; break }
  od
}

/* batcher.ts, `flush`, and the hub */
inline flush(n) {
  do
  :: sent[n] < at[n] ->
    sent[n]++
    if
    :: joined == n -> tell(notice, at_epoch[n], sent[n])
    :: else
    fi
  :: else -> break
  od
}

/* One step of the room towards the end of the log. */
inline follow(n) {
  if
  :: at_epoch[n] != epoch || first > at[n] + 1 ->
    flush(n)
    at_epoch[n] = epoch
    at[n] = head
    sent[n] = head
    remembered[n] = head
    if
    :: joined == n -> REACHED(gap_while_joined); tell(gap, epoch, head)
    :: else
    fi
  :: else ->
    at[n]++
    /* The room remembers one notice. */
    remembered[n] = at[n] - 1
    /* A batch that nobody will hear makes no difference. */
    if
    :: node != n -> sent[n] = at[n]
    :: else
    fi
  fi
}

#define IS_BEHIND(n) (at_epoch[n] != epoch || at[n] != head)

proctype Node(byte n) {
  do
  :: atomic { IS_BEHIND(n) -> follow(n) }
  :: atomic { sent[n] < at[n] -> flush(n) }
  od
}

inline acknowledge(kind) {
  if
  :: !is_acknowledged -> is_acknowledged = true; tell(kind, at_epoch[node], at[node])
  :: else
  fi
}

inline replay_to(end) {
  do
  :: since < end -> since++; tell(notice, since_epoch, since)
  :: else -> break
  od
}

/* join.ts, `join`. All in one turn. */
inline join() {
  if
  :: defect != NO_FLUSH_BEFORE_JOIN -> flush(node)
  :: else
  fi
}

inline forget_request() {
  request = idle
  since_epoch = 0
  since = 0
  page = 0
  end = 0
  is_acknowledged = false
}

inline joins() {
  if
  :: defect != FORGET_TO_JOIN || since_epoch == 0 -> joined = node
  :: else
  fi
  forget_request()
}

inline join_with_gap() {
  REACHED(resumed_with_gap)
  join()
  if
  :: is_acknowledged -> tell(gap, at_epoch[node], at[node])
  :: else -> acknowledge(ack_gap)
  fi
  joins()
}

/* What the page and the memory of the room make of what was missed, replay.ts, `missedSince` */
#define SAME_EPOCH (since_epoch == at_epoch[node] || defect == DROP_EPOCH_COMPARE)
#define IS_KNOWN (since >= remembered[node] || page >= remembered[node])

/* The client's session on its node: the turns of a join. */
proctype Session() {
  do
  :: atomic { request == asked && since_epoch == 0 -> join(); acknowledge(ack); joins() }
  :: atomic { request == asked && since_epoch > 0 ->
      if
      :: (since_epoch != at_epoch[node] || since > at[node]) && defect != NO_CATCH_UP ->
        REACHED(node_lags)
        do
        :: IS_BEHIND(node) -> follow(node)
        :: else -> break
        od
      :: else
      fi
      request = replaying }
  :: atomic { request == replaying && (!SAME_EPOCH || since > at[node]) -> join_with_gap() }
  /* All that is left. */
  :: atomic { request == replaying && SAME_EPOCH && since <= at[node] && IS_KNOWN ->
      if
      :: defect == YIELD_BEFORE_JOIN -> end = at[node]; request = ending
      :: else -> join(); acknowledge(ack); replay_to(at[node]); joins()
      fi }
  :: atomic { request == ending -> acknowledge(ack); replay_to(end); joins() }
  /* A part. */
  :: atomic { request == replaying && SAME_EPOCH && since < at[node] && (page > since || IS_KNOWN) ->
      REACHED(replayed_in_parts)
      acknowledge(ack)
      if
      :: defect == DELIVER_BEFORE_JOIN -> joined = node
      :: else
      fi
      end = since + 1
      replay_to(end)
      end = 0
      if
      :: page <= since -> page = 0
      :: else
      fi }
  /* A read of the log, history.lua: a page is one notice. */
  :: atomic { request == replaying && SAME_EPOCH && since < at[node] && page <= since && !IS_KNOWN ->
      if
      :: since_epoch != epoch -> REACHED(renewed_on_the_way); join_with_gap()
      :: since_epoch == epoch && first > since + 1 + (defect == TRIM_OFF_BY_ONE) ->
        REACHED(trimmed_on_the_way)
        join_with_gap()
      :: else ->
        since = (first > since + 1 -> first - 1 : since)
        page = since + 1
      fi }
  od
}

inline take(kind, of_epoch, offset) {
  queue!kind, of_epoch, offset
  taken_epoch = of_epoch
  taken = offset
  if
  :: defect == POSITION_BEFORE_LISTENER || defect == GAP_BEFORE_LISTENER && kind == gap ->
    stored_epoch = of_epoch
    stored = offset
  :: else
  fi
}

inline cut() {
  node = NOBODY
  joined = NOBODY
  forget_request()
  do
  :: len(wire) > 0 -> wire?_, _, _
  :: else -> break
  od
}

proctype Client() {
  bool was_connected
  mtype kind
  byte of_epoch, offset
  do
  :: atomic { node == NOBODY ->
      if
      :: node = 0
      :: node = 1
      fi
      since_epoch = taken_epoch
      since = taken
      if
      :: defect == RESUME_FROM_NOW -> since_epoch = 0; since = 0
      :: else
      fi
      request = (!was_connected || defect != FORGET_RESUBSCRIBE -> asked : idle)
      was_connected = true
      next_epoch = since_epoch
      next = since
      printf("the client subscribes at node %d from (%d,%d)\n", node, since_epoch, since) }

  /* What arrives. */
  :: atomic { nempty(wire) && nfull(queue) -> wire?kind, of_epoch, offset
      if
      :: kind == ack && next_epoch > 0 -> printf("the client resumes\n")
      :: kind == ack && next_epoch == 0 -> next_epoch = of_epoch; next = offset; taken_epoch = of_epoch; taken = offset
      :: kind == ack_gap || kind == gap ->
        printf("a gap arrives, up to (%d,%d)\n", of_epoch, offset)
        next_epoch = of_epoch
        next = offset
        take(gap, of_epoch, offset)
      :: kind == notice ->
        printf("(%d,%d) arrives\n", of_epoch, offset)
        if
        :: of_epoch != next_epoch || offset != next + 1 -> VIOLATED(seam)
        :: else
        fi
        next = offset
        take(notice, of_epoch, offset)
      fi
      kind = nothing; of_epoch = 0; offset = 0 }

  /* The listener returns, or throws: the first item stays. */
  :: atomic { queue?kind, of_epoch, offset ->
      if
      :: kind == notice && (of_epoch != handled_epoch || offset != handled + 1) -> VIOLATED(handled)
      :: kind == notice && offset <= given[of_epoch] -> VIOLATED(once)
      :: kind == notice -> given[of_epoch] = offset
      :: kind == gap -> REACHED(gap_handled)
      fi
      printf("the listener has handled (%d,%d)\n", of_epoch, offset)
      handled_epoch = of_epoch
      handled = offset
      stored_epoch = of_epoch
      stored = offset
      kind = nothing; of_epoch = 0; offset = 0 }

  :: atomic { node != NOBODY && faults < FAULTS -> faults++; printf("the connection is cut\n"); cut() }
  /* The page is closed, with all that waits for the listener, and opened again. */
  :: atomic { node != NOBODY && faults < FAULTS ->
      faults++
      printf("the page is reloaded\n")
      if
      :: len(queue) > 0 -> REACHED(reloaded_before_listener)
      :: else
      fi
      cut()
      do
      :: len(queue) > 0 -> queue?_, _, _
      :: else -> break
      od
      taken_epoch = stored_epoch
      taken = stored }
  od
}

/* At any time, nothing fails any more: no property may rely on a fault. */
proctype Calm() {
  faults = FAULTS
}

init {
  atomic { CHOOSE_DEFECT; run Log(); run Node(0); run Node(1); run Session(); run Client(); run Calm() }
}

ltl caught_up { <> [] (handled_epoch == epoch && handled == head) }
