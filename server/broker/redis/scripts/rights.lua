-- Asks which commands of the other scripts the user may not run: the error of a script does not name the command.
-- KEYS  1 any key   2 any channel
-- Returns their names
local refused = {}
local check = redis.acl_check_cmd
if not check then return refused end
local function need(command, allowed)
  if not allowed then refused[#refused + 1] = command end
end
need('time', check('TIME'))
need('del', check('DEL', KEYS[1]))
need('expire', check('EXPIRE', KEYS[1], '1'))
need('pexpire', check('PEXPIRE', KEYS[1], '1'))
need('persist', check('PERSIST', KEYS[1]))
need('hget', check('HGET', KEYS[1], 'f'))
need('hmget', check('HMGET', KEYS[1], 'f'))
need('hgetall', check('HGETALL', KEYS[1]))
need('hlen', check('HLEN', KEYS[1]))
need('hset', check('HSET', KEYS[1], 'f', ''))
need('hsetnx', check('HSETNX', KEYS[1], 'f', ''))
need('hdel', check('HDEL', KEYS[1], 'f'))
need('zadd', check('ZADD', KEYS[1], '1', 'm'))
need('zmscore', check('ZMSCORE', KEYS[1], 'm'))
need('zcount', check('ZCOUNT', KEYS[1], '0', '1'))
need('zremrangebyrank', check('ZREMRANGEBYRANK', KEYS[1], '0', '1'))
need('xadd', check('XADD', KEYS[1], '*', 'f', ''))
need('xrange', check('XRANGE', KEYS[1], '-', '+'))
need('xrevrange', check('XREVRANGE', KEYS[1], '+', '-'))
need('spublish', check('SPUBLISH', KEYS[2], ''))
return refused
