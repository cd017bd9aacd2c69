package android.content;

import android.net.Uri;
import java.util.ArrayList;
import java.util.List;

public class ClipData {
  private final List<Item> items = new ArrayList<>();

  public void add(Uri uri) {
    items.add(new Item(uri));
  }

  public int getItemCount() {
    return items.size();
  }

  public Item getItemAt(int index) {
    return items.get(index);
  }

  public static class Item {
    private final Uri uri;

    Item(Uri uri) {
      this.uri = uri;
    }

    public Uri getUri() {
      return uri;
    }
  }
}
