//! Tables for people: columns as wide as what stands in them.

use crate::printer::one_line;

/// A table with a head.
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[Cell; N]>,
}

/// A column, by its head.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    is_number: bool,
}

/// What stands in one place. Control characters, which names from a server may hold, have become blanks.
pub(crate) struct Cell {
    text: String,
    colour: Option<Colour>,
}

/// Colours that a terminal knows, whatever its background.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Red,
    Yellow,
    Green,
}

impl Column {
    /// A column of words.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, is_number: false }
    }

    /// A column of numbers: their ends stand below each other.
    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, is_number: true }
    }
}

impl Cell {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: one_line(text), colour: None }
    }

    pub(crate) fn coloured(self, colour: Colour) -> Self {
        Self { colour: Some(colour), ..self }
    }
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// Lines, each with its end; nothing stands behind the last word of a line. Without rows there is nothing.
    pub(crate) fn render(&self, in_colour: bool) -> String {
        let mut text = String::new();
        if self.rows.is_empty() {
            return text;
        }
        let mut widths = self.columns.map(|column| width(column.name));
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = width(&cell.text).max(*widest);
            }
        }
        let head = self.columns.map(|column| Cell::new(column.name));
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, column), widest) in row.iter().zip(self.columns).zip(widths) {
                let blanks = " ".repeat(widest.saturating_sub(width(&cell.text)));
                let word = match cell.colour.filter(|_| in_colour) {
                    Some(colour) => format!("\x1b[{}m{}\x1b[0m", colour.code(), cell.text),
                    None => cell.text.clone(),
                };
                let (before, behind) =
                    if column.is_number { (blanks, String::new()) } else { (String::new(), blanks) };
                line.extend([before, word, behind, "  ".to_owned()]);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl Colour {
    fn code(self) -> u8 {
        match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new([Column::text("NAME"), Column::number("SIZE"), Column::text("WHY")]);
        table.push([Cell::new("a"), Cell::new("1"), Cell::new("x").coloured(Colour::Red)]);
        table.push([Cell::new("longer é"), Cell::new("12,345"), Cell::new("")]);
        table.push([Cell::new("b\u{1b}[31m\nc"), Cell::new(""), Cell::new("y z")]);
        table
    }

    #[test]
    fn columns_stand_below_each_other() {
        insta::assert_snapshot!(table().render(false), @r"
        NAME        SIZE  WHY
        a              1  x
        longer é  12,345
        b [31m c          y z
        ");
        assert_eq!(Table::new([Column::text("A")]).render(true), "");
    }

    #[test]
    fn colours_are_ours_alone() {
        let text = table().render(true);
        assert_eq!(text.matches('\u{1b}').count(), 2);
        assert!(text.contains("  \u{1b}[31mx\u{1b}[0m\n"), "{text:?}");
    }
}
