-- Drop keys of a view that is no more. Whoever comes late must not touch one that was begun anew since.
-- KEYS: the view's epoch, and then what to drop.
-- Returns 1, or 0 where the view was begun anew.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('UNLINK', unpack(KEYS, 2))
return 1
