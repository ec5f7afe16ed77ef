-- Take the epoch from a view that readers have left, unless somebody has cleared it away by now.
-- KEYS: views that readers left, the view's epoch. ARGV: the view's number.
-- Returns 1 where it is to be cleared away, else 0.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
return 1
