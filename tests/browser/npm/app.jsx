// The component as the document prints it has no export; the test appends one.
import { createRoot } from 'react-dom/client';
import { ChatRoom } from './build/component.jsx';

const root = document.getElementById('root');
createRoot(root).render(<ChatRoom roomId={root.dataset.room} authToken={root.dataset.token} />);
