package android.database;

public class Cursor {
  private final String value;
  private boolean isOnRow = false;

  public Cursor(String value) {
    this.value = value;
  }

  public boolean moveToFirst() {
    isOnRow = true;
    return true;
  }

  public String getString(int column) {
    if (!isOnRow) {
      throw new IndexOutOfBoundsException("Index -1 requested, with a size of 1");
    }
    return value;
  }

  public void close() {}
}
