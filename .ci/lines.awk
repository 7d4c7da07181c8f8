# Counts the lines of a Rust file without its test module: `#[cfg(test)]` directly before `mod name {`, up to the
# brace in the first column that closes it.
in_tests { if ($0 == "}") in_tests = 0; next }
marked && /^mod [a-z_]+ \{$/ { in_tests = 1; marked = 0; lines--; next }
{ marked = ($0 == "#[cfg(test)]"); lines++ }
END { print lines + 0 }
