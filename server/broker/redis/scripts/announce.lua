-- Stores an announcement and tells all processes to read it.
-- KEYS  1 announcements   2 channel
-- ARGV  1 text   2 maximum number stored   3 TTL of the announcements in s   4 version of the text
-- Returns its id, and 1 if what the key held before was unusable and has been replaced, else 0
-- First, so that nothing is stored if any of this is refused: an error rolls nothing back. They read after this script.
redis.call('SPUBLISH', KEYS[2], 'look')
local lives_on = redis.call('EXPIRE', KEYS[1], ARGV[3]) == 1
local added, replaced = redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 't', ARGV[1], 'v', ARGV[4]), 0
-- A stream that has used the last possible id accepts nothing more.
local is_exhausted = type(added) == 'table' and added.err and string.find(added.err, 'exhausted', 1, true)
local id = not is_exhausted and content(added)
if not id then
  redis.call('DEL', KEYS[1])
  id, lives_on = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 't', ARGV[1], 'v', ARGV[4]), false
  replaced = 1
end
if not lives_on then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return { id, replaced }
