-- Let readers onto a view that was begun anew, once it holds all that the log held when it was begun.
-- KEYS: live, the goal, the view's epoch, its offsets. ARGV: the view's number, the epoch expected, then for
--       each partition of the log its field, the first offset that it still has, and the one after its last.
-- Returns 1 where readers stand on a view, 'epoch' where this one is lost, else 0.
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return 'epoch' end
if redis.call('EXISTS', KEYS[2]) == 0 then
  for i = 3, #ARGV, 3 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2]) end
end
local first = {}
for i = 3, #ARGV, 3 do first[ARGV[i]] = tonumber(ARGV[i + 1]) end
local goal = redis.call('HGETALL', KEYS[2])
for i = 1, #goal, 2 do
  local reached = tonumber(redis.call('HGET', KEYS[4], goal[i]) or '0')
  -- What retention has dropped meanwhile nobody can apply, or wait for.
  if math.max(reached, first[goal[i]] or 0) < tonumber(goal[i + 1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
