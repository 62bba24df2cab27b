// Tags: words of a note that begin with #. Those that were used once are a click or a key away.

export const TAG_KEYS = ["4", "5", "6", "7", "8", "9"];
const TAG = /#[\p{L}\p{N}_-]+/gu;

export const tagsOf = (note) => [...new Set(note.match(TAG) ?? [])];

// All tags of some states, the most frequent first.
export function usedTags(states) {
  const counts = new Map();
  for (const { note } of states) for (const tag of tagsOf(note)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([tag]) => tag).slice(0, TAG_KEYS.length);
}

// The note with a tag, or without it if it has it.
export function toggled(note, tag) {
  if (!tagsOf(note).includes(tag)) return note ? `${note} ${tag}` : tag;
  return note.replace(TAG, (found) => (found === tag ? "" : found)).replace(/ {2,}/g, " ").trim();
}
