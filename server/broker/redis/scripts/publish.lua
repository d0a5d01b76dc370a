-- Stores recalls, one after the other, and publishes a notice of the new messages of each to its rooms. Nothing is written
-- unless everything is allowed.
-- KEYS  for each recall: 1 recalled set   2, 3, 4, 5 head, log, channel and notes of who was told of the first room
--       6, 7, 8, 9 and 10, 11, 12, 13 of the next ones; the feed is the last   14 recalled set of the group
--       15 topics of the group   any key where there is none, if others follow
-- ARGV  1 epoch for a log that has none   2 maximum length of a log   3 TTL of a log in ms   4 TTL of a head in ms
--       5 TTL of a recalled set in ms, '0' = forever   6 by how much logs and heads outlive their TTL in ms, so that
--       extending it is seldom due   7 '1' if the caller waits for replicas, else '0'   8 number of recalls, up to 8
--       then for each recall: 1 number of rooms   2 number of messages   3 time of the recall in ms
--         4 for an untimed recall: how close an earlier recall makes it a repeat, in ms; else -1
--         5 entry up to its messages   6 entry after its messages   7 signature of the entry with all its messages, '' = none
--         8 SHA-256 of the entry with all its messages   9 topic, '' = none
--         then for each message: its member of the recalled set, its part of the entry
-- Beside each entry stands its link (`l`), which holds the hash of the one before; see server/broker/chain.ts.
-- Returns for each recall epoch and offset in each room, flat; of the feed only if the group has ended since the recall; empty
-- when nothing was new. Then '1' if something stored was unreadable, and is lost. An error for a recall that cannot be stored,
-- and instead of everything if none can
local new_epoch, max_length, log_ttl, head_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local set_ttl, slack, waits, recalls = ARGV[5], ARGV[6], ARGV[7] == '1', tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Read once for all recalls, and written back at the end.
local heads = {}

-- An error rolls nothing back, so a right that is missing must show before the first write, which is XADD.
if redis.acl_check_cmd then
  local refused = not redis.acl_check_cmd('HSET', KEYS[2], 'epoch', '') and 'hset'
    or not redis.acl_check_cmd('ZADD', KEYS[1], '1', '1') and 'zadd'
    or not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') and 'pexpire'
    or not redis.acl_check_cmd('DEL', KEYS[3]) and 'del'
    or not redis.acl_check_cmd('SPUBLISH', KEYS[4], '') and 'spublish'
    or set_ttl == '0' and not redis.acl_check_cmd('PERSIST', KEYS[1]) and 'persist'
    or KEYS[15] and not redis.acl_check_cmd('HSETNX', KEYS[15], '', '') and 'hsetnx'
  if refused then
    return redis.error_reply(string.format("NOPERM this user has no permissions to run the '%s' command", refused))
  end
end

-- Stands for the signature of an entry that has none, of which only some messages are new.
local UNSIGNED = string.rep('0', 64)

-- Returns the link of the next entry of a log, and what is stored of it: when that was, and the epoch if a chain begins here.
local at_now = string.format('%d', now)
local function next_link(head, offset, new, digest)
  local previous = head.link
  if previous then
    local link = redis.sha1hex(string.format('%s:%d:%s:%s:%s', previous, offset, at_now, new, digest))
    return link, link .. ':' .. at_now
  end
  local link = redis.sha1hex(string.format('epoch %s:%d:%s:%s:%s', head.epoch, offset, at_now, new, digest))
  return link, link .. ':' .. at_now .. ':' .. head.epoch
end

-- Returns what precedes the link of the last entry in a head: its offset, and the end of the epoch, since a longer value would take
-- more memory, and more time.
local function place_of(head)
  return string.format('%d:%s:', head.offset, string.sub(head.epoch, -7))
end

-- Whether XADD failed because of what is stored at the key, rather than because this server accepts no writes at all: out of
-- memory, a replica, a failing disk.
local function is_wrong_content(message)
  return string.find(message, '^WRONGTYPE') or string.find(message, 'equal or smaller', 1, true)
    or string.find(message, 'exhausted', 1, true)
end

local results, failures, a = {}, 0, 8
-- repeat recall: 8 times, 15 keys on
if #results < recalls then
  local count = tonumber(ARGV[a + 2])
  local is_stored, result = pcall(function()
    local rooms, at, repeat_window = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
    local before, after, signature, digest = ARGV[a + 5], ARGV[a + 6], ARGV[a + 7], ARGV[a + 8]
    local topic, first = ARGV[a + 9], a + 10
    local lost = false
    local members = { 'ended' }
    for i = 1, count do members[i + 1] = ARGV[first + 2 * (i - 1)] end
    local known = content(redis.pcall('ZMSCORE', KEYS[1], unpack(members)))
    if not known then
      -- Otherwise a recall that can never be stored would block all those queued behind it.
      redis.call('DEL', KEYS[1])
      known = {}
      lost = true
    end
    -- When the group was last dismissed. What was recalled until then belongs to a group that is no more.
    local ended = time_of(known[1])
    if topic ~= '' then
      local marks = content(redis.pcall('ZMSCORE', KEYS[14], 'ended'))
      ended = time_of(marks and marks[1])
    end
    local is_past = ended and at <= ended

    local additions, messages, numbers = {}, {}, {}
    for i = 1, count do
      local before_at = time_of(known[i + 1])
      if before_at and ended and before_at <= ended and not is_past then before_at = nil end
      -- An older time is old news, for example from a spool: it must not replace the newer one.
      local repeated = before_at and (before_at >= at or (repeat_window >= 0 and at - before_at < repeat_window))
      if not repeated then
        additions[#additions + 1] = ARGV[a + 3]
        additions[#additions + 1] = members[i + 1]
        messages[#messages + 1] = ARGV[first + 2 * i - 1]
        numbers[#numbers + 1] = i - 1
      end
    end
    if #messages == 0 then
      -- WAIT confirms the latest write of the connection: without a write here, replicas would confirm what they may not have.
      if waits then
        if not content(redis.pcall('HMGET', KEYS[2], 'epoch')) then redis.call('DEL', KEYS[2]) end
        redis.call('HSETNX', KEYS[2], 'epoch', new_epoch)
        redis.call('PEXPIRE', KEYS[2], head_ttl)
      end
      return {}
    end

    local entry
    local new = #messages == count and '' or table.concat(numbers, ',')
    if signature == '' and new == '' then
      entry = before .. table.concat(messages, ',') .. after
    else
      -- Signature and digest cover the whole entry, so all messages stay in it; the indices of the new ones precede it.
      local all = {}
      for i = 1, count do all[i] = ARGV[first + 2 * i - 1] end
      local signed = signature == '' and UNSIGNED or signature
      entry = signed .. ':' .. new .. ':' .. before .. table.concat(all, ',') .. after
    end

    local room, positions = 0, {}
-- repeat room: 3 times, 4 keys on
    room = room + 1
    -- Those who listen to the rooms of a group that was dismissed, and made again, must not take the old seqs for theirs.
    if room == rooms or (room < rooms and not is_past) then
      local head = heads[KEYS[2]]
      if not head then
        local fields = content(redis.pcall('HMGET', KEYS[2], 'epoch', 'offset', 'prolong', 'chain'))
        if not fields then
          redis.call('DEL', KEYS[2])
          fields = {}
          lost = true
        end
        head = { prolong = time_of(fields[3]) or 0 }
        head.epoch, head.offset = position(fields)
        if not head.epoch then
          head.epoch, head.offset, lost = new_epoch, 0, lost or fields[1] or fields[2]
        end
        -- A process that knows no links, or who gave the log another epoch, has left it as it was: a new chain begins.
        local chain, place = fields[4], place_of(head)
        if chain and #chain == #place + 40 and string.sub(chain, 1, #place) == place then
          head.link = string.sub(chain, -40)
        end
        heads[KEYS[2]] = head
      end
      local offset = head.offset + 1
      local is_new = offset == 1
      local id = string.format('%d-0', offset)
      local link, stored = next_link(head, offset, new, digest)
      local added = redis.pcall('XADD', KEYS[3], 'MAXLEN', max_length, id, 'r', entry, 'l', stored)
      if type(added) == 'table' and added.err then
        if not is_wrong_content(added.err) then error(added) end
        -- The log is ahead of its head, or not a stream: its content belongs to no current numbering. The first offset starts a new
        -- one. Not deleted before: a script that has written may go on although memory is full, and would store what comes later.
        if not is_new then head.epoch, is_new, lost = new_epoch, true, true end
        redis.call('DEL', KEYS[3])
        head.link = nil
        link, stored = next_link(head, offset, new, digest)
        redis.call('XADD', KEYS[3], id, 'r', entry, 'l', stored)
      end
      head.offset, head.link, head.changed = offset, link, true
      if is_new or head.prolong <= now or head.prolong > now + slack then
        head.prolong, head.is_due = now + slack, true
        redis.call('PEXPIRE', KEYS[3], log_ttl + slack)
        -- Nobody may have been told for as long: the notes of what the log still holds must not end before it.
        redis.call('PEXPIRE', KEYS[5], log_ttl + slack)
      end
      positions[#positions + 1] = head.epoch
      positions[#positions + 1] = offset
    end
-- end room

    redis.call('ZADD', KEYS[1], unpack(additions))
    -- With every recall: the group's head cannot tell when this is due, because recalls in topics extend it too.
    if set_ttl == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], set_ttl) end
    if topic ~= '' then
      if not content(redis.pcall('HSETNX', KEYS[15], topic, '')) then
        redis.call('DEL', KEYS[15])
        redis.call('HSETNX', KEYS[15], topic, '')
      end
      if set_ttl ~= '0' then redis.call('PEXPIRE', KEYS[15], set_ttl) end
    end

    local i = is_past and 2 * (1 - rooms) or 0
-- repeat room: 3 times, 4 keys on
    if i >= 0 and i < #positions then
      -- A failure here must not fail the call, since the entry is stored. Nodes find it when they check the heads.
      redis.pcall('SPUBLISH', KEYS[4], string.format('%s:%d:', positions[i + 1], positions[i + 2]) .. entry)
    end
    i = i + 2
-- end room
    if lost then positions[#positions + 1] = '1' end
    return positions
  end)
  if not is_stored then
    failures = failures + 1
    result = type(result) == 'table' and result or redis.error_reply(tostring(result))
  end
  results[#results + 1] = result
  a = a + 9 + 2 * count
end
-- end recall

-- repeat recall: 8 times, 15 keys on
-- repeat room: 3 times, 4 keys on
do
  local head = heads[KEYS[2]]
  if head and head.changed then
    redis.call('HSET', KEYS[2], 'epoch', head.epoch, 'offset', string.format('%d', head.offset),
      'prolong', string.format('%d', head.prolong),
      'chain', place_of(head) .. head.link)
    -- Scripts that only read a head set another TTL.
    if head.is_due then redis.call('PEXPIRE', KEYS[2], head_ttl + slack) end
    head.changed = false
  end
end
-- end room
-- end recall
if failures == recalls then return results[1] end
return results
