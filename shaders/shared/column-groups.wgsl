// Workgroups of four columns each, in as few layers of equal width as the limit of a grid's dimension asks for: a large
// vocabulary has more. The layers stand one after another in y, over the row tiles.

const MOST_GROUPS = 65535u;

struct ColumnGroups {
  width: u32,  // workgroups in x
  layers: u32,
}

fn column_groups(cols: u32) -> ColumnGroups {
  let groups = (cols + COLUMNS - 1u) / COLUMNS;
  let layers = (groups + MOST_GROUPS - 1u) / MOST_GROUPS;
  return ColumnGroups((groups + layers - 1u) / layers, layers);
}
